import React, { useState } from "react";
import { createRoot } from "react-dom/client";

function Counter() {
  const [sheep, setSheep] = useState(0);
  return <button onClick={() => setSheep(sheep + 1)}>{sheep} sheep</button>;
}

createRoot(document.getElementById("root")).render(<Counter />);
