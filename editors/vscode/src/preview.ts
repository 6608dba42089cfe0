/** "Fix with Preview": both texts side by side, before anything is changed. */

import * as vscode from "vscode";
import { LanguageClient } from "vscode-languageclient/node";

export const PREVIEW = "slimify-preview";

/** What the server answers to `slimify.all`: its code action for all of a file, and what that comes to. */
interface All {
  level: string;
  text: string;
  /** Others that go with it, a `.dockerignore` for one. */
  files: string[];
  edit: Parameters<LanguageClient["protocol2CodeConverter"]["asWorkspaceEdit"]>[0];
}

const texts = new Map<string, string>();
const changed = new vscode.EventEmitter<vscode.Uri>();

export const previews: vscode.TextDocumentContentProvider = {
  onDidChange: changed.event,
  provideTextDocumentContent: (uri) => texts.get(uri.path) ?? "",
};

export async function fixWithPreview(editor: vscode.TextEditor, client: LanguageClient): Promise<void> {
  const document = editor.document;
  const version = document.version;
  const uri = client.code2ProtocolConverter.asUri(document.uri);
  const found = await client.sendRequest<All | { error: string } | null>("workspace/executeCommand", {
    command: "slimify.all",
    arguments: [uri],
  });
  const name = vscode.workspace.asRelativePath(document.uri);
  if (found === null) {
    await vscode.window.showWarningMessage(`${name} was changed meanwhile.`);
    return;
  }
  if ("error" in found) {
    await vscode.window.showErrorMessage(`slimify: ${found.error}`);
    return;
  }
  if (found.text === document.getText() && !found.files.length) {
    await vscode.window.showInformationMessage("slimify finds nothing to change.");
    return;
  }
  const shown = document.uri.with({ scheme: PREVIEW, query: "" });
  texts.set(shown.path, found.text);
  changed.fire(shown);
  await vscode.commands.executeCommand("vscode.diff", document.uri, shown, `${name}: slimify, ${found.level}`);
  const apply = "Apply";
  const chosen = await vscode.window.showInformationMessage(
    `Apply what slimify changes in ${[name, ...found.files].join(", ")}?`,
    apply,
    "Cancel",
  );
  if (chosen === undefined) {
    return;
  }
  await close(shown);
  texts.delete(shown.path);
  if (chosen !== apply) {
    return;
  }
  if (document.version !== version) {
    await vscode.window.showWarningMessage(`${name} was changed meanwhile: nothing is applied.`);
    return;
  }
  const edit = await client.protocol2CodeConverter.asWorkspaceEdit(found.edit);
  if (edit) {
    await vscode.workspace.applyEdit(edit);
  }
}

/** Close the comparison, which shows the same twice once it is applied. */
async function close(shown: vscode.Uri): Promise<void> {
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
  await vscode.window.tabGroups.close(
    tabs.filter((tab) => {
      const compared = tab.input;
      return compared instanceof vscode.TabInputTextDiff && compared.modified.toString() === shown.toString();
    }),
  );
}
