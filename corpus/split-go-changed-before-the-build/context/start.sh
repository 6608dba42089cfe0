#!/bin/sh
exec bin/shop
