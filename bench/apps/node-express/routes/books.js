const { Router } = require("express");
const _ = require("lodash");

const books = [{ title: "Emma", year: 1815 }, { title: "Ulysses", year: 1922 }, { title: "Beloved", year: 1987 }];
const router = Router();
router.get("/", (req, res) => res.json(_.sortBy(books, "title")));
module.exports = router;
