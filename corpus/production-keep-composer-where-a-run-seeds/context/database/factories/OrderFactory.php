<?php

use Faker\Generator;
