const fs = require("fs");
const path = require("path");
const express = require("express");
const { validate } = require("uuid");

const app = express();
app.set("view engine", "ejs");
app.set("views", path.join(__dirname, "views"));
app.get("/", (req, res) => {
  fs.writeFileSync("/data/last", "seen");
  res.render("index", { guests: ["Ada", "Grace"], strange: validate("x") });
});
app.listen(4000);
