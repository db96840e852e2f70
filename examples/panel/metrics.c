/* SPDX-License-Identifier: Apache-2.0
 * A provider: answers every request with one metric. `metrics WORKSPACE SYMBOL NAME`. */
#include <rtt.h>
#include <signal.h>
#include <stdio.h>

static rtt_endpoint *me;
static const char *name;
static unsigned long answered;

static void stop(int signal_number) {
  (void)signal_number;
  rtt_stop(me);
}

static void answer(void *context, rtt_endpoint *e, const rtt_message *m) {
  char text[256];
  int n = snprintf(text, sizeof text, "{\"by\":\"%s\",\"answered\":%lu,\"request\":%.*s}", name, ++answered,
                   m->bytes < 128 ? (int)m->bytes : 0, (const char *)m->data);
  (void)context;
  if (m->wants_reply) rtt_answer(e, m->lane, m->id, text, (size_t)n, NULL);
}

int main(int argc, char **argv) {
  rtt_error why;
  if (argc != 4) return 2;
  name = argv[3];
  me = rtt_attach(argv[1], argv[2], &why);
  if (!me) return fprintf(stderr, "%d %s\n  %s\n", why.code, why.message, why.hint), 1;
  signal(SIGTERM, stop), signal(SIGINT, stop);
  rtt_on_message(me, answer, NULL);
  rtt_serve(me, NULL);
  rtt_detach(me);
  printf("%lu\n", answered);
  return 0;
}
