import io

from django.http import HttpResponse
from django.shortcuts import render
from PIL import Image, ImageDraw


def index(request):
    return render(request, "index.html", {"pictures": ["sunset", "harbour"]})


def thumbnail(request):
    picture = Image.new("RGB", (64, 48), "navy")
    ImageDraw.Draw(picture).ellipse((16, 8, 48, 40), fill="gold")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    return HttpResponse(out.getvalue(), content_type="image/jpeg")
