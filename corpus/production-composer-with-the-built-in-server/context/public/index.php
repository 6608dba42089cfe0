<?php

use Slim\Factory\AppFactory;

$app = AppFactory::create();
