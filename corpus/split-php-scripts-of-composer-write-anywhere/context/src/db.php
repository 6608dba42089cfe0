<?php
$pdo = new PDO('x');
