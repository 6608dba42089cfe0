from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

app = FastAPI(title="Shop")


class Item(BaseModel):
    name: str
    price: float


ITEMS = {"tea": Item(name="tea", price=3.2), "bread": Item(name="bread", price=2.7)}


@app.get("/")
def index() -> list[Item]:
    return list(ITEMS.values())


@app.get("/items/{name}")
def item(name: str) -> Item:
    if name not in ITEMS:
        raise HTTPException(404, "no such item")
    return ITEMS[name]
