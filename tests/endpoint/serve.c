/* SPDX-License-Identifier: Apache-2.0
 * A provider that answers well, late or never well. `serve WORKSPACE SYMBOLS good|slow|failing`. */
#include <rtt.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

static rtt_endpoint *me;
static char how;

static void stop(int signal_number) {
  (void)signal_number;
  rtt_stop(me);
}

/* Works hard before it answers: 20 ms of this processor's time. */
static void toil(void) {
  const clock_t end = clock() + CLOCKS_PER_SEC / 50;
  while (clock() < end) continue;
}

static void answer(void *context, rtt_endpoint *e, const rtt_message *m) {
  (void)context;
  if (!m->wants_reply) return;
  if (how == 's') toil();
  if (how == 'f') {
    rtt_refuse(e, m->lane, m->id, "out of order");
  } else {
    rtt_answer(e, m->lane, m->id, "{}", 2, NULL);
  }
}

int main(int argc, char **argv) {
  rtt_error why;
  if (argc != 4) return 2;
  how = argv[3][0];
  me = rtt_attach(argv[1], argv[2], &why);
  if (!me) return fprintf(stderr, "%d %s\n", why.code, why.message), 1;
  signal(SIGTERM, stop), signal(SIGINT, stop);
  rtt_on_message(me, answer, NULL);
  rtt_serve(me, NULL);
  rtt_detach(me);
  return 0;
}
