from django.test import SimpleTestCase


class Pages(SimpleTestCase):
    def test_index(self):
        self.assertContains(self.client.get("/"), "harbour")
