import { Injectable, NotFoundException } from "@nestjs/common";

@Injectable()
export class CatsService {
  private readonly cats = [{ name: "Tom" }, { name: "Felix" }];

  all() {
    return this.cats;
  }

  one(name: string) {
    const cat = this.cats.find((one) => one.name === name);
    if (!cat) throw new NotFoundException();
    return cat;
  }
}
