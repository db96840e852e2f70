/* SPDX-License-Identifier: Apache-2.0
 * The hook: asks the metrics it is wired to every PERIOD_MS milliseconds until SIGTERM, and publishes an event for each
 * answer. Which metrics provider answers is the plan's business: it may change between two calls. Says who answered from
 * when on, and how often it failed. `refresh WORKSPACE PERIOD_MS`. */
#include <rtt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stopped;
static void stop(int signal_number) { stopped = signal_number; }

int main(int argc, char **argv) {
  rtt_error why;
  char last[64] = "", by[64] = "", event[128];
  long asked, errors = 0, published = 0;
  rtt_endpoint *me = argc == 3 ? rtt_attach(argv[1], "rtt://ui/hook/refresh", &why) : NULL;
  if (!me) return fprintf(stderr, "%s\n", argc == 3 ? why.message : "usage: refresh WORKSPACE PERIOD_MS"), 1;
  signal(SIGTERM, stop), signal(SIGINT, stop);
  for (asked = 0; !stopped; asked++) {
    rtt_reply reply = {0};
    size_t sent = 0;
    if (rtt_call(me, "rtt://core/api/metrics", "{}", 2, 10000, &reply, &why) != 0) {
      errors++;
      fprintf(stderr, "%ld: %s\n", asked, why.message);
    } else {
      sscanf(reply.data, "{\"by\":\"%63[^\"]", by);
      if (strcmp(last, by) != 0) printf("from %ld on: %s\n", asked, by), fflush(stdout);
      strcpy(last, by);
      snprintf(event, sizeof event, "{\"asked\":%ld,\"by\":\"%s\"}", asked, by);
      if (rtt_publish(me, event, strlen(event), &sent, NULL, NULL) == 0) published += (long)sent;
    }
    rtt_free(&reply);
    rtt_poll(me, atoi(argv[2]), NULL);
  }
  printf("{\"asked\":%ld,\"errors\":%ld,\"published\":%ld}\n", asked, errors, published);
  rtt_detach(me);
  return errors == 0 ? 0 : 1;
}
