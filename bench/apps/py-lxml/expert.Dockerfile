FROM python:3.11-slim
LABEL maintainer="feeds@example.com"
WORKDIR /usr/src/app
COPY requirements.txt .
RUN pip3 install --no-cache-dir -r requirements.txt
COPY . .
ENV PYTHONPATH=/usr/src/app
CMD ["python3", "-m", "feeds", "sample.xml"]
