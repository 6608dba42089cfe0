/** "Prove": both versions are built and compared, and the report is shown as a page. */

import * as vscode from "vscode";

import { Program, run } from "./program";

export async function prove(editor: vscode.TextEditor, slimify: Program, log: vscode.LogOutputChannel): Promise<void> {
  const document = editor.document;
  if (document.uri.scheme !== "file") {
    await vscode.window.showErrorMessage("slimify proves files: save it first.");
    return;
  }
  await document.save();
  const name = vscode.workspace.asRelativePath(document.uri);
  const ran = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `slimify proves ${name}`, cancellable: true },
    async (_progress, token) => {
      const stop = new AbortController();
      token.onCancellationRequested(() => stop.abort());
      const cwd = vscode.Uri.joinPath(document.uri, "..").fsPath;
      return run(slimify, ["prove", "--format", "html", document.uri.fsPath], { cwd, stopped: stop.signal });
    },
  );
  log.append(ran.errors);
  if (!ran.output) {
    if (ran.code !== 130) {
      await vscode.window.showErrorMessage(`slimify: ${ran.errors.trim().split("\n").at(-1) ?? "no proof"}`);
    }
    return;
  }
  const panel = vscode.window.createWebviewPanel("slimify.proof", `Proof of ${name}`, vscode.ViewColumn.Beside, {});
  // The report is one page without scripts; the page itself forbids everything else.
  panel.webview.html = ran.output;
}
