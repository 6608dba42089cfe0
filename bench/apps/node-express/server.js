const express = require("express");
const morgan = require("morgan");
const books = require("./routes/books");

const app = express();
app.use(morgan("tiny"));
app.use("/books", books);
app.get("/", (req, res) => res.json({ service: "books", version: 1 }));

if (require.main === module) app.listen(3000, () => console.log("listening"));
module.exports = app;
