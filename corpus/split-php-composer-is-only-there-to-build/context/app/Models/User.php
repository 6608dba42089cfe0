<?php
class User {}
