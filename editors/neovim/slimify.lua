-- slimify in Neovim 0.7 or later: `:luafile` this, or put it into `~/.config/nvim/plugin/`.
-- Diagnostics and code actions come by themselves; saving formats at level "safe".

local M = { cmd = { "slimify", "lsp" }, format_on_save = true }

local client

local function attach(buffer)
  local root = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ":h")
  if vim.lsp.start then -- 0.8
    client = vim.lsp.start({ name = "slimify", cmd = M.cmd, root_dir = root }, { bufnr = buffer })
    return
  end
  client = client or vim.lsp.start_client({ name = "slimify", cmd = M.cmd, root_dir = root })
  if client then
    vim.lsp.buf_attach_client(buffer, client)
  end
end

local function format()
  if not M.format_on_save then
    return
  end
  if vim.lsp.buf.format then -- 0.8
    vim.lsp.buf.format({ name = "slimify", timeout_ms = 2000 })
  else
    vim.lsp.buf.formatting_sync(nil, 2000)
  end
end

local group = vim.api.nvim_create_augroup("slimify", { clear = true })
vim.api.nvim_create_autocmd("FileType", {
  group = group,
  pattern = "dockerfile",
  callback = function(event)
    local buffer = event.buf or vim.api.nvim_get_current_buf()
    attach(buffer)
    vim.api.nvim_create_autocmd("BufWritePre", { group = group, buffer = buffer, callback = format })
  end,
})

return M
