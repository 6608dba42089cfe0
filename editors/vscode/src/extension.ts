/** slimify in VS Code: the language server, and the commands that need more than it. */

import * as vscode from "vscode";
import { LanguageClient, LanguageClientOptions, ServerOptions } from "vscode-languageclient/node";

import { fixWithPreview, PREVIEW, previews } from "./preview";
import { program, Program } from "./program";
import { prove } from "./prove";

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel("slimify", { log: true });
  const found = (): Program => {
    const settings = vscode.workspace.getConfiguration("slimify.server");
    return program(context.extensionPath, {
      path: settings.get<string>("path", ""),
      python: settings.get<string>("python", ""),
    });
  };
  context.subscriptions.push(
    log,
    vscode.workspace.registerTextDocumentContentProvider(PREVIEW, previews),
    vscode.commands.registerTextEditorCommand("slimify.fix", fix),
    vscode.commands.registerTextEditorCommand("slimify.fixWithPreview", async (editor) => {
      if (client?.isRunning()) {
        await fixWithPreview(editor, client);
      } else {
        await vscode.window.showErrorMessage("slimify is not running.");
      }
    }),
    vscode.commands.registerTextEditorCommand("slimify.prove", (editor) => prove(editor, found(), log)),
    vscode.commands.registerCommand("slimify.restart", () => restart(found(), log)),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("slimify.server")) {
        void restart(found(), log);
      }
    }),
  );
  await restart(found(), log);
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

async function restart(found: Program, log: vscode.LogOutputChannel): Promise<void> {
  await client?.stop();
  const server: ServerOptions = {
    command: found.command,
    args: [...found.args, "lsp"],
    options: { env: found.env },
  };
  const options: LanguageClientOptions = {
    // Not what only shows a file as it was or could be: our own preview, or one from a repository.
    documentSelector: ["file", "untitled"].flatMap((scheme) => [
      { scheme, language: "dockerfile" },
      { scheme, pattern: "**/.dockerignore" },
    ]),
    outputChannel: log,
  };
  client = new LanguageClient("slimify", "slimify", server, options);
  try {
    await client.start();
  } catch (error) {
    log.error(String(error));
    const install = "How to install it";
    const chosen = await vscode.window.showErrorMessage(
      `slimify cannot be started as "${found.command}". Install it, or name it in the setting slimify.server.path.`,
      install,
    );
    if (chosen === install) {
      await vscode.commands.executeCommand("extension.open", "slimify.slimify");
    }
  }
}

/** Everything that needs no review, as one edit that one undo takes back. All else is shown before it is applied. */
async function fix(editor: vscode.TextEditor): Promise<void> {
  await vscode.commands.executeCommand("editor.action.codeAction", {
    kind: "source.fixAll.slimify",
    apply: "first",
  });
  editor.revealRange(editor.selection);
}
