#!/bin/sh
# Becomes workerd ($SIFT_WORKERD), after leaving a shell that kills workerd when the Node process that started it is gone.
# That Node process holds the named pipe $SIFT_ALIVE open and never writes to it, so `read` returns only when it has ended.
# Ctrl-C goes to the whole process group: both ignore it, because Node ends workerd once requests in flight are done.
trap '' INT HUP TERM
(
  read -r _ <"$SIFT_ALIVE"
  # the number may belong to another program by now, if workerd ended first
  name=$(cat "/proc/$$/comm" 2>/dev/null || ps -o comm= -p "$$" 2>/dev/null)
  case "$name" in *workerd*) kill -KILL "$$" ;; esac
  rm -rf "${SIFT_ALIVE%/pipe}"
) </dev/null >/dev/null 2>&1 3>&- &
exec "$SIFT_WORKERD" "$@"
