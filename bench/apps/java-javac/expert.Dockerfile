FROM eclipse-temurin:17 AS build
WORKDIR /app
COPY src ./src
COPY manifest.txt .
RUN mkdir classes && javac -d classes src/com/example/*.java && jar cfm app.jar manifest.txt -C classes .

FROM eclipse-temurin:17-jre
WORKDIR /app
COPY --from=build /app/app.jar .
EXPOSE 8080
CMD ["java", "-jar", "app.jar"]
