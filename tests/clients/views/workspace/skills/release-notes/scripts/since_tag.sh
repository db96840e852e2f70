#!/bin/sh
# Commits since the last tag.
exec git log --format=%s "$(git describe --tags --abbrev=0)"..HEAD
