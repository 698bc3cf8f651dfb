/* Answers every IPv4 echo request that comes out of a tun device, a fixed time after it was read: delayed.py.
 *
 * It never sleeps, so that the answer leaves within microseconds of its time: an interpreter and a timer cannot keep
 * the tenth of a millisecond by which round-trip times are judged. Which delay: the first one plus as many steps as the
 * lowest bits of the address say; each delay has a queue of its own, in which the oldest is always the next one due.
 *
 * Where other programs take the processor away it is late all the same, and says so: the answer's TTL is 64 when it left
 * within 20 microseconds of its time, the moments in which its request may have waited unread included, else 63.
 *
 * Arguments: descriptor of the device, first delay and step in microseconds. It ends with its standard input.
 */
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { QUEUES = 4, ROOM = 1 << 15, BYTES = 128, HEADER = 20, READS = 32, TURNS_A_LOOK = 4096, TTL_AT = 8, IN_TIME = 64, LATE = 63, LATE_NS = 20000 };

struct packet {
    int64_t due_ns, waited_ns;
    ssize_t length;
    unsigned char bytes[BYTES];
};

struct queue {
    struct packet *packets;
    uint32_t first, next;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Changes a 16-bit word whose sum stands elsewhere (RFC 1624). */
static void change(unsigned char *word, unsigned char *sum, unsigned to)
{
    uint32_t was = (uint32_t)word[0] << 8 | word[1];
    uint32_t total = (~((uint32_t)sum[0] << 8 | sum[1]) & 0xFFFF) + (~was & 0xFFFF) + to;
    while (total > 0xFFFF)
        total = (total & 0xFFFF) + (total >> 16);
    word[0] = (unsigned char)(to >> 8);
    word[1] = (unsigned char)to;
    sum[0] = (unsigned char)(~total >> 8);
    sum[1] = (unsigned char)~total;
}

/* Turns a request into its reply; swapped addresses leave the sum as it is. */
static int answered(unsigned char *bytes, ssize_t length)
{
    unsigned char source[4];
    if (length < HEADER + 8 || bytes[0] != 0x45 || bytes[9] != 1 || bytes[HEADER] != 8)
        return 0;
    memcpy(source, bytes + 12, 4);
    memcpy(bytes + 12, bytes + 16, 4);
    memcpy(bytes + 16, source, 4);
    change(bytes + HEADER, bytes + HEADER + 2, bytes[HEADER + 1]);
    return 1;
}

static void take(int device, struct queue *queues, int64_t first_ns, int64_t step_ns)
{
    static int64_t empty_ns;
    for (int count = 0; count < READS; count++) {
        unsigned char bytes[BYTES];
        ssize_t length = read(device, bytes, sizeof bytes);
        int64_t at_ns = now_ns();
        if (length <= 0) {
            empty_ns = at_ns;
            return;
        }
        unsigned which = bytes[19] % QUEUES;
        struct queue *queue = &queues[which];
        if (queue->next - queue->first == ROOM || !answered(bytes, length))
            continue;
        struct packet *packet = &queue->packets[queue->next++ % ROOM];
        packet->due_ns = at_ns + first_ns + which * step_ns;
        packet->waited_ns = at_ns - empty_ns;
        packet->length = length;
        memcpy(packet->bytes, bytes, (size_t)length);
    }
}

static void give(int device, struct queue *queue)
{
    while (queue->first != queue->next) {
        struct packet *packet = &queue->packets[queue->first % ROOM];
        int64_t late_ns = now_ns() - packet->due_ns;
        if (late_ns < 0)
            return;
        unsigned ttl = late_ns + packet->waited_ns < LATE_NS ? IN_TIME : LATE;
        change(packet->bytes + TTL_AT, packet->bytes + 10, ttl << 8 | packet->bytes[TTL_AT + 1]);
        if (write(device, packet->bytes, (size_t)packet->length) < 0)
            exit(1);
        queue->first++;
    }
}

int main(int count, char **words)
{
    if (count != 4)
        return 2;
    int device = atoi(words[1]);
    int64_t first_ns = atoll(words[2]) * 1000, step_ns = atoll(words[3]) * 1000;
    struct queue queues[QUEUES] = {{0}};
    for (int which = 0; which < QUEUES; which++)
        if (!(queues[which].packets = calloc(ROOM, sizeof(struct packet))))
            return 1;
    struct pollfd input = {.fd = 0, .events = POLLIN};
    for (unsigned long turn = 0;; turn++) {
        if (turn % TURNS_A_LOOK == 0 && poll(&input, 1, 0) > 0)
            return 0;
        take(device, queues, first_ns, step_ns);
        for (int which = 0; which < QUEUES; which++)
            give(device, &queues[which]);
    }
}
