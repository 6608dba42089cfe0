<?php

namespace App;

// Names for the demonstration.
$names = \Faker\Factory::create();
