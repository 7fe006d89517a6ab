/* Figures of several clients: mixed load, and events from one to another. */
#define _GNU_SOURCE
#include "client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- many clients at once ---- */

struct client {
    pthread_t thread;
    struct population view;     /* the shared names, with handles of this client's own connection */
    unsigned long index;
    int64_t end;
    struct samples samples;
    unsigned long failures;
};

static int define_and_undefine(void *context, unsigned long turn)
{
    struct client *client = context;
    virDomainPtr domain = define(client->view.connection, (client->index + 1) << 20 | (turn & 0xfffff));
    if (!domain)
        return -1;
    int result = virDomainUndefine(domain);
    virDomainFree(domain);
    return result;
}

/* What a management program does: it mostly asks. */
static int one_of_many(struct client *client, unsigned long turn, unsigned dice)
{
    struct population *view = &client->view;
    if (dice < 35)
        return read_info(view, turn);
    if (dice < 55)
        return read_state(view, turn);
    if (dice < 75)
        return read_xml(view, turn);
    if (dice < 85)
        return read_statistics_of_one(view, turn);
    if (dice < 92)
        return look_up(view, turn);
    if (dice < 96)
        return read_list(view, turn);
    return define_and_undefine(client, turn);
}

static void *client_loop(void *context)
{
    struct client *client = context;
    unsigned seed = client->index + 1;
    for (int64_t at = now(); at < client->end;) {
        int64_t start = at;
        if (one_of_many(client, rand_r(&seed), (unsigned)rand_r(&seed) % 100) < 0)
            client->failures++;
        at = now();
        sample(&client->samples, at - start);
    }
    return NULL;
}

static int join_population(struct client *client, const struct population *all)
{
    client->view = *all;
    client->view.connection = connect_or_exit();
    client->view.domains = calloc(all->length, sizeof(*client->view.domains));
    for (unsigned long i = 0; i < all->length; i++)
        if (!(client->view.domains[i] = virDomainLookupByName(client->view.connection, all->names[i])))
            return failed("look up %s", all->names[i]);
    return 0;
}

static void leave_population(struct client *client)
{
    for (unsigned long i = 0; i < client->view.length; i++)
        if (client->view.domains[i])
            virDomainFree(client->view.domains[i]);
    free(client->view.domains);
    virConnectClose(client->view.connection);
}

static void run_clients(struct client *clients)
{
    struct samples samples = { 0 };
    unsigned long failures = 0;
    struct cpu cpu = cpu_now();
    int64_t begin = now();
    for (long i = 0; i < options.clients; i++) {
        clients[i].end = begin + options.millis * 1000000;
        if (pthread_create(&clients[i].thread, NULL, client_loop, &clients[i]))
            abort();
    }
    for (long i = 0; i < options.clients; i++)
        pthread_join(clients[i].thread, NULL);
    int64_t took = now() - begin;
    for (long i = 0; i < options.clients; i++) {
        failures += clients[i].failures;
        join(&samples, &clients[i].samples);
    }
    char *name = text("mixed-%ld", options.clients);
    if (failures) {
        failed("%s: %lu of %zu calls failed", name, failures, samples.length);
        free(samples.ns);
    } else if (samples.length) {
        figure(samples.length * 1e9 / took, "1/s", "%s.rate", name);
        cpu_since(cpu, name, samples.length);
        latencies(&samples, name, "us");
    }
    free(name);
}

int run_mixed(void)
{
    struct population all = { .connection = connect_or_exit() };
    struct client *clients = calloc(options.clients + 1, sizeof(*clients));
    int result = populate(&all, NULL);
    long joined = 0;
    for (; result == 0 && joined < options.clients; joined++) {
        clients[joined].index = joined;
        result = join_population(&clients[joined], &all);
    }
    if (result == 0 && all.length)
        run_clients(clients);
    for (long i = 0; i < joined; i++)
        leave_population(&clients[i]);
    free(clients);
    if (depopulate(&all, NULL) < 0)
        result = -1;
    virConnectClose(all.connection);
    return result;
}

/* ---- events ---- */

struct watcher {
    pthread_mutex_t lock;
    pthread_cond_t told;
    char *name;
    int event;
    int64_t seen;
};

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *context)
{
    struct watcher *watcher = context;
    int64_t at = now();
    (void)connection;
    (void)detail;
    pthread_mutex_lock(&watcher->lock);
    if (event == watcher->event && watcher->name && !strcmp(virDomainGetName(domain), watcher->name)) {
        watcher->seen = at;
        pthread_cond_signal(&watcher->told);
    }
    pthread_mutex_unlock(&watcher->lock);
    return 0;
}

static void expect(struct watcher *watcher, int event)
{
    pthread_mutex_lock(&watcher->lock);
    watcher->event = event;
    watcher->seen = 0;
    pthread_mutex_unlock(&watcher->lock);
}

/* When the expected event was seen; 0 if it did not come in time. */
static int64_t seen(struct watcher *watcher)
{
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += options.wait;
    pthread_mutex_lock(&watcher->lock);
    while (!watcher->seen && !pthread_cond_timedwait(&watcher->told, &watcher->lock, &limit))
        ;
    int64_t at = watcher->seen;
    pthread_mutex_unlock(&watcher->lock);
    return at;
}

static int define_and_see(struct watcher *watcher, virConnectPtr actor, struct samples *defined,
                          struct samples *undefined)
{
    expect(watcher, VIR_DOMAIN_EVENT_DEFINED);
    int64_t start = now(), at = 0;
    virDomainPtr domain = define(actor, options.from);
    if (!domain)
        return failed("define");
    if ((at = seen(watcher)))
        sample(defined, at - start);
    expect(watcher, VIR_DOMAIN_EVENT_UNDEFINED);
    start = now();
    int result = virDomainUndefine(domain);
    virDomainFree(domain);
    if (result < 0)
        return failed("undefine");
    if (!at || !(at = seen(watcher)))
        return failed("an event did not come in %ld s", options.wait);
    sample(undefined, at - start);
    return 0;
}

int run_events(void)
{
    struct watcher watcher = { .lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER };
    struct samples defined = { 0 }, undefined = { 0 };
    run_event_loop();
    virConnectPtr listener = connect_or_exit(), actor = connect_or_exit();
    watcher.name = definition_name(options.from);
    int id = virConnectDomainEventRegisterAny(listener, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                              VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), &watcher, NULL);
    if (id < 0)
        return failed("register for events");
    for (int64_t end = now() + options.millis * 1000000; now() < end;)
        if (define_and_see(&watcher, actor, &defined, &undefined) < 0)
            break;
    virConnectDomainEventDeregisterAny(listener, id);
    latencies(&defined, "event-defined", "us");
    latencies(&undefined, "event-undefined", "us");
    virConnectClose(actor);
    virConnectClose(listener);
    return 0;                               /* the loop may still use the watcher's name: it stays */
}
