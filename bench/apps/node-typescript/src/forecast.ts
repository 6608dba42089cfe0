import { z } from "zod";

const Place = z.string().min(1).max(40);

export interface Forecast {
  place: string;
  degrees: number;
}

export function forecast(place: string): Forecast {
  const name = Place.parse(place);
  return { place: name, degrees: [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 30 };
}
