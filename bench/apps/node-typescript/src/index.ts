import Koa from "koa";
import { forecast } from "./forecast";

const app = new Koa();
app.use((context) => {
  context.body = forecast(context.path.slice(1) || "here");
});
app.listen(8080);
