FROM python:3.11-slim-bookworm
ENV PYTHONDONTWRITEBYTECODE=1
ENV PYTHONUNBUFFERED=1
WORKDIR /code
COPY requirements.txt /code/
RUN pip install --no-cache-dir -r requirements.txt
COPY manage.py /code/
COPY gallery /code/gallery
RUN python manage.py collectstatic --noinput
EXPOSE 8000
CMD ["gunicorn", "gallery.wsgi:application", "--bind", "0.0.0.0:8000"]
