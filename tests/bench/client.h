/*
 * What the parts of the measuring client share.
 *
 * The client is C because its own cost counts in every latency: it adds only what libvirt's library itself needs.
 */
#ifndef OXIVIRT_BENCH_CLIENT_H
#define OXIVIRT_BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <libvirt/libvirt.h>

struct options {
    const char *uri;
    const char *type;           /* virtualization of the guest: kvm or qemu */
    const char *kernel;         /* what the guest boots */
    pid_t daemon;               /* whose CPU time is reported; 0: none */
    long millis;                /* how long each figure is measured */
    long count;                 /* repetitions where a time makes no sense */
    long clients;
    long from;                  /* first number of the definitions made */
    long domains;               /* how many definitions */
    long wait;                  /* seconds for something that should happen */
    int64_t since;              /* when the daemon was started, as now() */
};
extern struct options options;

/* Monotonic time in nanoseconds. */
int64_t now(void);

/* Reports one figure: "NAME VALUE UNIT" on standard output. */
__attribute__((format(printf, 3, 4)))
void figure(double value, const char *unit, const char *format, ...);

/* Reports that WHAT failed, with the library's reason; the program will end with status 2. Returns -1. */
__attribute__((format(printf, 1, 2)))
int failed(const char *format, ...);

/* asprintf that cannot fail. */
__attribute__((format(printf, 1, 2)))
char *text(const char *format, ...);

virConnectPtr connect_or_exit(void);

/* Runs the library's event loop in a thread of its own. Must precede the connections that are to have events. */
void run_event_loop(void);

/* Nanoseconds, one for each repetition. */
struct samples {
    int64_t *ns;
    size_t length, capacity;
};
void sample(struct samples *samples, int64_t ns);
void join(struct samples *to, struct samples *from);

/* Empties SAMPLES into figures: NAME.p50 and NAME.p99 in UNIT, which is "us" or "ms". */
void latencies(struct samples *samples, const char *name, const char *unit);

/* One call of what is measured; TURN counts up. Returns below 0 for failure. */
typedef int operation(void *context, unsigned long turn);

/* Repeats an operation for options.millis: NAME.rate, .p50, .p99, and cpu_since(). */
void measure(const char *name, operation *run, void *context);

/* CPU time used so far, in nanoseconds; the daemon's is 0 if unknown. */
struct cpu {
    int64_t daemon, client;
};
struct cpu cpu_now(void);

/* Reports what CALLS calls have cost since BEGIN, for each: NAME.cpu of the daemon, NAME.client of this program. */
void cpu_since(struct cpu begin, const char *name, unsigned long calls);

/* Defines number NUMBER, a guest of the usual kind that is never started. NULL for failure. */
virDomainPtr define(virConnectPtr connection, unsigned long number);
char *definition_name(unsigned long number);

/* Definitions of one run, as one connection sees them. */
struct population {
    virConnectPtr connection;
    unsigned long length;
    virDomainPtr *domains;
    char **names;
};

/* Defines options.domains, and undefines them; figures as of measure() under NAME unless that is NULL. */
int populate(struct population *all, const char *name);
int depopulate(struct population *all, const char *name);

/* Reading calls, as operations on a population: of one domain that depends on the turn, the last of all. */
operation look_up, read_info, read_state, read_xml, read_statistics_of_one, read_list;

/* Each command returns below 0 if it could not be run at all. */
int run_connect(void);
int run_ping(void);
int run_scale(void);
int run_mixed(void);
int run_events(void);
int run_guest(void);
int run_crowd(void);
int run_first(void);
int run_populate(void);

#endif
