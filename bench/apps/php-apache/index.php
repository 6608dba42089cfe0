<?php
require __DIR__ . '/src/Menu.php';
header('Content-Type: text/plain');
echo "Menu of the day\n";
foreach ((new Menu())->dishes() as $dish => $price) {
    printf("%s: %.2f\n", $dish, $price);
}
echo extension_loaded('pdo_mysql') ? "database ready\n" : "no driver\n";
