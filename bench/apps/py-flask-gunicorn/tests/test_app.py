from app import app


def test_notes():
    assert app.test_client().get("/api/notes").json["notes"]
