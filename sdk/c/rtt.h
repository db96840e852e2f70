/* SPDX-License-Identifier: Apache-2.0
 * librtt: a program becomes an endpoint of a workspace's wiring. C ABI; any language that can call C can
 * use it.
 *
 *     rtt_endpoint *e = rtt_attach(".", "rtt://ui/hook/refresh", NULL);
 *     rtt_reply r;
 *     if (rtt_call(e, "rtt://core/api/metrics", "{}", 2, 1000, &r, NULL) == 0) {
 *       use(r.data, r.bytes);
 *       rtt_free(&r);
 *     }
 *
 * An endpoint is one or more symbols whose contracts are signed in the workspace. Which provider a call
 * reaches is the plan's decision, not the program's: it names the symbol it was promised (its port), and
 * another provider may take over between two calls without the program noticing. A thread of the library
 * keeps the connection to the panel; when the panel is away the wiring carries on.
 *
 * Thread: an endpoint belongs to one thread at a time, except rtt_stop, which any thread and signal handler
 * may call.
 * Owns: replies are the caller's, to be given to rtt_free, with their descriptors.   Units: bytes,
 * milliseconds (< 0: no limit). Fails: 0 is success; else the number of an RTT error code (412 for RTT0412,
 * see `rtt explain`), and *error is filled if it is not NULL.   Limits: a message is at most 64 MiB.
 */
#ifndef RTT_H
#define RTT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTT_ABI 1

typedef struct rtt_endpoint rtt_endpoint;

typedef struct rtt_error {
  int code; /* 0: none */
  char message[400];
  char hint[200];
} rtt_error;

#define RTT_FDS_MAX 8 /* with one message */

typedef struct rtt_reply {
  void* data; /* followed by a NUL byte that does not count */
  size_t bytes;
  int fds[RTT_FDS_MAX]; /* rtt_free closes those that are not set to -1 */
  size_t fd_count;
} rtt_reply;

/* Something that came for one of the endpoint's symbols. */
typedef struct rtt_message {
  const void* data; /* valid during the handler */
  size_t bytes;
  const char *from, *to; /* definitions; valid during the handler */
  const int* fds;        /* open during the handler: dup what is to stay */
  size_t fd_count;
  uint64_t lane;
  uint32_t id;
  int wants_reply; /* 0: an event or a stream message */
} rtt_message;

/* Called from rtt_poll, rtt_serve, and from rtt_call while it waits. It may call, publish and answer; what
 * comes meanwhile is kept until it returns. It may not rtt_poll or rtt_serve (103), nor rtt_detach. */
typedef void (*rtt_handler)(void* context, rtt_endpoint* endpoint, const rtt_message* message);

/* RTT_ABI the library was built with. */
int rtt_abi(void);

/* `workspace`: a folder at or below the workspace's root. `symbols`: one address or several separated by
 * spaces, at most 256. Waits up to 10 s for the panel, which is started by `rtt panel start` or any verb that
 * needs it. NULL on failure. */
rtt_endpoint* rtt_attach(const char* workspace, const char* symbols, rtt_error* error);
void rtt_detach(rtt_endpoint* endpoint); /* NULL: nothing */

/* Asks the provider that is wired to `port`; waits for the wiring too, within the deadline. */
int rtt_call(rtt_endpoint* endpoint, const char* port, const void* request, size_t bytes, int deadline_ms,
             rtt_reply* reply, rtt_error* error);
void rtt_free(rtt_reply* reply);
/* rtt_call with file descriptors, which stay the caller's: the provider gets copies (SCM_RIGHTS). For lanes
 * over sockets; on a lane in shared memory 103 (RTT0103). */
int rtt_call_fds(rtt_endpoint* endpoint, const char* port, const void* request, size_t bytes, const int* fds,
                 size_t fd_count, int deadline_ms, rtt_reply* reply, rtt_error* error);

/* To every subscriber wired to this endpoint; *sent and *dropped (may be NULL) say how many got it. On a
 * route whose policy is `buffer` a message that finds no room waits and counts as sent: it goes on during
 * later calls, so give rtt_poll some time before rtt_detach. */
int rtt_publish(rtt_endpoint* endpoint, const void* data, size_t bytes, size_t* sent, size_t* dropped,
                rtt_error* error);

void rtt_on_message(rtt_endpoint* endpoint, rtt_handler handler, void* context);
/* Answers a message that wants a reply, in the handler or later; `lane` and `id` are the message's. */
int rtt_answer(rtt_endpoint* endpoint, uint64_t lane, uint32_t id, const void* data, size_t bytes,
               rtt_error* error);
int rtt_answer_fds(rtt_endpoint* endpoint, uint64_t lane, uint32_t id, const void* data, size_t bytes,
                   const int* fds, size_t fd_count, rtt_error* error);
int rtt_refuse(rtt_endpoint* endpoint, uint64_t lane, uint32_t id, const char* why);

/* Handles what came, waiting up to wait_ms for the first. 0 also when nothing came. */
int rtt_poll(rtt_endpoint* endpoint, int wait_ms, rtt_error* error);
int rtt_serve(rtt_endpoint* endpoint, rtt_error* error); /* rtt_poll until rtt_stop */
void rtt_stop(rtt_endpoint* endpoint);

#ifdef __cplusplus
}
#endif
#endif
