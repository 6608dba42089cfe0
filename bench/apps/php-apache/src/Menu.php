<?php
final class Menu
{
    /** @return array<string, float> */
    public function dishes(): array
    {
        return ['soup' => 4.5, 'dumplings' => 9.8];
    }
}
