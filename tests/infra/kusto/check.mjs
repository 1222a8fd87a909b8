// Reads {"name": text, "tables": {name: "(column: type, …)"}, "views": {name: "(column: type, …)"}, "functions": {name: ["(parameter:
// type, …)", "{ body }"]}, "queries": {name: text}} from standard input, and writes what Microsoft's language service for
// Kusto has to say of each query: {name: [message, …]}. Views are materialized ones; a query may be a command.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import vm from "node:vm";

const require = createRequire(import.meta.url);
for (const part of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  const path = require.resolve(`@kusto/language-service-next/${part}`);
  vm.runInThisContext(readFileSync(path, "utf8"), { filename: path });
}

const { GlobalState, KustoCode, Symbols } = globalThis.Kusto.Language;
const { name: databaseName, tables, views, functions, queries } = JSON.parse(readFileSync(0, "utf8"));
const symbols = [
  ...Object.entries(tables).map(([name, columns]) => new Symbols.TableSymbol.$ctor7(name, columns, "")),
  ...Object.entries(views).map(([name, columns]) => new Symbols.MaterializedViewSymbol.$ctor3(name, columns, "")),
  ...Object.entries(functions).map(
    ([name, [parameters, body]]) => new Symbols.FunctionSymbol.$ctor16(name, parameters, body, ""),
  ),
];
const database = new Symbols.DatabaseSymbol.ctor(databaseName, symbols);
const state = GlobalState.Default.WithDatabase(database);

const found = Object.entries(queries).map(([name, query]) => {
  const diagnostics = KustoCode.ParseAndAnalyze(query, state).GetDiagnostics();
  const messages = [];
  for (let index = 0; index < diagnostics.Count; index += 1) {
    const each = diagnostics.getItem(index);
    messages.push(`${each.Severity}: ${each.Message} (at ${query.slice(each.Start, each.Start + 20)})`);
  }
  return [name, messages];
});
process.stdout.write(JSON.stringify(Object.fromEntries(found)));
