-- Opens a Dockerfile as a user does who has loaded editors/neovim/slimify.lua, saves it, and takes that back.
local M = dofile(vim.env.SLIMIFY_LUA)
M.cmd = { vim.env.SLIMIFY_PROGRAM, "lsp" }
vim.cmd("filetype plugin on")
vim.cmd("edit " .. vim.env.SLIMIFY_FILE)

local function clients()
  return (vim.lsp.get_clients or vim.lsp.buf_get_clients)(vim.lsp.get_clients and { bufnr = 0 } or 0)
end
assert(vim.wait(30000, function()
  local _, one = next(clients())
  return one ~= nil and one.initialized
end), "no server")
-- Neovim asks for what it shows before anybody saves.
vim.wait(30000, function() return #vim.diagnostic.get(0) > 0 end)

local function text()
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n") .. "\n"
end
local found = { diagnostics = #vim.diagnostic.get(0) }
vim.api.nvim_win_set_cursor(0, { vim.api.nvim_buf_line_count(0), 2 })
vim.cmd("silent write")
found.saved, found.line = text(), vim.api.nvim_get_current_line()
vim.cmd("silent undo")
found.undone = text()
local file = assert(io.open(vim.env.SLIMIFY_TOLD, "w"))
file:write(vim.fn.json_encode(found))
file:close()
vim.cmd("qa!")
