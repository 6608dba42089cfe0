const request = require("supertest");
const app = require("../server");

test("books are sorted", async () => {
  const answer = await request(app).get("/books");
  expect(answer.body[0].title).toBe("Beloved");
});
