import { Controller, Get, Param } from "@nestjs/common";
import { CatsService } from "./cats.service";

@Controller()
export class CatsController {
  constructor(private readonly cats: CatsService) {}

  @Get()
  all() {
    return this.cats.all();
  }

  @Get("cats/:name")
  one(@Param("name") name: string) {
    return this.cats.one(name);
  }
}
