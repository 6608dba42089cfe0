<?php
$lines = json_decode('[{"what":"chairs","count":4,"each":39.5},{"what":"table","count":1,"each":210}]', true);
$sum = array_sum(array_map(fn($line) => $line['count'] * $line['each'], $lines));
printf("invoice total %.2f\n", $sum);
