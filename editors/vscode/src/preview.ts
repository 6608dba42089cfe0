/** "Fix with Preview": both texts side by side, before anything is changed. */

import * as vscode from "vscode";

import { Program, run } from "./program";

export const PREVIEW = "slimify-preview";

const texts = new Map<string, string>();
const changed = new vscode.EventEmitter<vscode.Uri>();

export const previews: vscode.TextDocumentContentProvider = {
  onDidChange: changed.event,
  provideTextDocumentContent: (uri) => texts.get(uri.path) ?? "",
};

export async function fixWithPreview(editor: vscode.TextEditor, slimify: Program): Promise<void> {
  const document = editor.document;
  const before = document.getText();
  const level = vscode.workspace.getConfiguration("slimify", document).get<string>("level", "standard");
  const folder = document.uri.scheme === "file" ? vscode.Uri.joinPath(document.uri, "..").fsPath : undefined;
  const args = ["fix", "-", "--level", level, "--stdin-filename", document.uri.fsPath];
  const ran = await run(slimify, args, { input: before, cwd: folder });
  if (ran.code !== 0) {
    await vscode.window.showErrorMessage(`slimify: ${ran.errors.trim()}`);
    return;
  }
  if (ran.output === before) {
    await vscode.window.showInformationMessage("slimify finds nothing to change.");
    return;
  }
  const shown = document.uri.with({ scheme: PREVIEW, query: "" });
  texts.set(shown.path, ran.output);
  changed.fire(shown);
  const name = vscode.workspace.asRelativePath(document.uri);
  await vscode.commands.executeCommand("vscode.diff", document.uri, shown, `${name}: slimify, ${level}`);
  const apply = "Apply";
  const chosen = await vscode.window.showInformationMessage(`Apply what slimify changes in ${name}?`, apply, "Cancel");
  if (chosen !== apply) {
    return;
  }
  if (document.getText() !== before) {
    await vscode.window.showWarningMessage(`${name} was changed meanwhile: nothing is applied.`);
    return;
  }
  const edit = new vscode.WorkspaceEdit();
  for (const one of minimal(document, ran.output)) {
    edit.replace(document.uri, one.range, one.newText);
  }
  await vscode.workspace.applyEdit(edit);
}

/** The change without the lines that both texts begin and end with, so that cursors outside it stay. */
function minimal(document: vscode.TextDocument, after: string): vscode.TextEdit[] {
  const before = document.getText();
  let start = 0;
  const shortest = Math.min(before.length, after.length);
  while (start < shortest && before[start] === after[start]) {
    start += 1;
  }
  let end = 0;
  while (end < shortest - start && before[before.length - 1 - end] === after[after.length - 1 - end]) {
    end += 1;
  }
  const range = new vscode.Range(document.positionAt(start), document.positionAt(before.length - end));
  return [vscode.TextEdit.replace(range, after.slice(start, after.length - end))];
}
