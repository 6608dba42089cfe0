Console.WriteLine(1 + 2);
