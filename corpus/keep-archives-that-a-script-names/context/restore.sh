#!/bin/sh
tar xf /srv/seed-1.4.tgz
