/* Answers every IPv4 echo request that comes out of a tun device, a fixed time after it was read: delayed.py.
 *
 * It never sleeps, so that the answer leaves within microseconds of its time: an interpreter and a timer cannot keep
 * the tenth of a millisecond by which round-trip times are judged. Which delay: the first one plus as many steps as the
 * lowest bits of the address say; each delay has a queue of its own, in which the oldest is always the next one due.
 *
 * Arguments: descriptor of the device, first delay and step in microseconds. It ends with its standard input.
 */
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { QUEUES = 4, ROOM = 1 << 15, BYTES = 128, HEADER = 20, READS = 32, TURNS_A_LOOK = 4096 };

struct packet {
    int64_t due_ns;
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

/* Turns a request into its reply; the sums of RFC 1071 change only where the type does (RFC 1624). */
static int answered(unsigned char *bytes, ssize_t length)
{
    unsigned char source[4];
    if (length < HEADER + 8 || bytes[0] != 0x45 || bytes[9] != 1 || bytes[HEADER] != 8)
        return 0;
    memcpy(source, bytes + 12, 4);
    memcpy(bytes + 12, bytes + 16, 4);
    memcpy(bytes + 16, source, 4);
    bytes[HEADER] = 0;
    uint32_t sum = ((uint32_t)bytes[HEADER + 2] << 8 | bytes[HEADER + 3]) + 0x0800;
    sum = (sum & 0xFFFF) + (sum >> 16);
    bytes[HEADER + 2] = (unsigned char)(sum >> 8);
    bytes[HEADER + 3] = (unsigned char)sum;
    return 1;
}

static void take(int device, struct queue *queues, int64_t first_ns, int64_t step_ns)
{
    for (int count = 0; count < READS; count++) {
        unsigned char bytes[BYTES];
        ssize_t length = read(device, bytes, sizeof bytes);
        if (length <= 0)
            return;
        int64_t at_ns = now_ns();
        unsigned which = bytes[19] % QUEUES;
        struct queue *queue = &queues[which];
        if (queue->next - queue->first == ROOM || !answered(bytes, length))
            continue;
        struct packet *packet = &queue->packets[queue->next++ % ROOM];
        packet->due_ns = at_ns + first_ns + which * step_ns;
        packet->length = length;
        memcpy(packet->bytes, bytes, (size_t)length);
    }
}

static void give(int device, struct queue *queue)
{
    while (queue->first != queue->next) {
        struct packet *packet = &queue->packets[queue->first % ROOM];
        if (packet->due_ns > now_ns())
            return;
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
