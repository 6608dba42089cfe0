import { NestFactory } from "@nestjs/core";
import { CatsModule } from "./cats.module";

async function bootstrap() {
  const app = await NestFactory.create(CatsModule, { logger: ["error"] });
  await app.listen(3000);
}
bootstrap();
