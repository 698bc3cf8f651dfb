/* The loop that the fast prober is measured against, without Python: echo requests to a block of loopback addresses by
 * sendmmsg, replies by recvmmsg with kernel time stamps, matched by identifier, sequence number, address and cookie.
 *
 *     echo_loop PROBES      prints: probes sent, replies matched, nanoseconds
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 256, PACKET = 64, ROOM = 2048, CONTROL = 64, SLOTS = 65536, FIRST_IDENT = 0x5000 };

struct probe { uint64_t cookie, sent_ns, rtt_ns; uint32_t address; };

static struct mmsghdr out[BATCH], in[BATCH];
static struct iovec out_part[BATCH], in_part[BATCH];
static struct sockaddr_in to[BATCH], from[BATCH];
static unsigned char packet[BATCH][PACKET], room[BATCH][ROOM], control[BATCH][CONTROL];

static uint64_t now_ns(clockid_t clock)
{
    struct timespec at;
    clock_gettime(clock, &at);
    return at.tv_sec * 1000000000ull + at.tv_nsec;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

static uint16_t checksum(const unsigned char *data, int size)
{
    uint64_t sum = 0;
    for (int at = 0; at < size; at += 2) {
        uint16_t word;
        memcpy(&word, data + at, 2);
        sum += word;
    }
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

static int open_socket(void)
{
    int on = 1, bytes = 64 << 20;
    uint32_t blocked = ~(1u | 1u << 3 | 1u << 11 | 1u << 12);
    int icmp = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
    if (icmp < 0 || setsockopt(icmp, 255, 1, &blocked, sizeof blocked) ||
        setsockopt(icmp, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) ||
        setsockopt(icmp, SOL_SOCKET, 33, &bytes, sizeof bytes)) {
        perror("socket");
        exit(1);
    }
    return icmp;
}

static void lay_out(void)
{
    for (int at = 0; at < BATCH; at++) {
        out_part[at] = (struct iovec){packet[at], PACKET};
        in_part[at] = (struct iovec){room[at], ROOM};
        to[at].sin_family = AF_INET;
        packet[at][0] = 8;
        out[at].msg_hdr = (struct msghdr){&to[at], sizeof to[at], &out_part[at], 1, NULL, 0, 0};
    }
}

static void send_batch(int icmp, struct probe *probes, uint64_t first, int count)
{
    for (int at = 0; at < count; at++) {
        struct probe *probe = &probes[first + at];
        uint64_t number = first + at;
        uint16_t ident = htons(FIRST_IDENT + number / SLOTS % 16), sequence = htons(number % SLOTS), sum = 0;
        probe->cookie = mix(number + 0x9e3779b97f4a7c15ull);
        probe->address = htonl(0x7f010000 + number % SLOTS);
        to[at].sin_addr.s_addr = probe->address;
        memcpy(packet[at] + 2, &sum, 2);
        memcpy(packet[at] + 4, &ident, 2);
        memcpy(packet[at] + 6, &sequence, 2);
        memcpy(packet[at] + 8, &probe->cookie, 8);
        sum = checksum(packet[at], PACKET);
        memcpy(packet[at] + 2, &sum, 2);
    }
    for (int done = 0; done < count;) {
        uint64_t before = now_ns(CLOCK_REALTIME);
        int left = sendmmsg(icmp, out + done, count - done, MSG_DONTWAIT);
        uint64_t took = now_ns(CLOCK_REALTIME) - before;
        if (left < 0) {
            if (errno == EAGAIN || errno == ENOBUFS)
                continue;
            perror("sendmmsg");
            exit(1);
        }
        for (int at = 0; at < left; at++)
            probes[first + done + at].sent_ns = before + took * at / left;
        done += left;
    }
}

static uint64_t stamp_ns(struct msghdr *message)
{
    for (struct cmsghdr *each = CMSG_FIRSTHDR(message); each; each = CMSG_NXTHDR(message, each))
        if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec at;
            memcpy(&at, CMSG_DATA(each), sizeof at);
            return at.tv_sec * 1000000000ull + at.tv_nsec;
        }
    return 0;
}

static int match(struct probe *probes, uint64_t sent, int at)
{
    const unsigned char *header = room[at], *message = header + (header[0] & 15) * 4;
    uint16_t ident, sequence;
    if (in[at].msg_len < 36 || message[0] != 0)
        return 0;
    memcpy(&ident, message + 4, 2);
    memcpy(&sequence, message + 6, 2);
    uint64_t lane = ntohs(ident) - FIRST_IDENT + sent / (16ull * SLOTS) * 16, number = lane * SLOTS + ntohs(sequence);
    if (number >= sent)
        number -= 16ull * SLOTS;
    struct probe *probe = &probes[number];
    if (number >= sent || probe->rtt_ns || memcmp(message + 8, &probe->cookie, 8) ||
        memcmp(header + 12, &probe->address, 4))
        return 0;
    uint64_t stamp = stamp_ns(&in[at].msg_hdr);
    probe->rtt_ns = stamp > probe->sent_ns ? stamp - probe->sent_ns : 1;
    return 1;
}

static int drain(int icmp, struct probe *probes, uint64_t sent)
{
    int matched = 0;
    for (int got = BATCH; got == BATCH;) {
        for (int at = 0; at < BATCH; at++)
            in[at].msg_hdr = (struct msghdr){&from[at], sizeof from[at], &in_part[at], 1, control[at], CONTROL, 0};
        got = recvmmsg(icmp, in, BATCH, MSG_DONTWAIT, NULL);
        for (int at = 0; at < got; at++)
            matched += match(probes, sent, at);
    }
    return matched;
}

int main(int arguments, char **argument)
{
    uint64_t wanted = arguments > 1 ? strtoull(argument[1], NULL, 10) : 1000000, sent = 0, matched = 0;
    struct probe *probes = calloc(wanted, sizeof *probes);
    int icmp = open_socket();
    if (!probes)
        return 1;
    lay_out();
    uint64_t began = now_ns(CLOCK_MONOTONIC);
    while (sent < wanted) {
        int count = wanted - sent < BATCH ? (int)(wanted - sent) : BATCH;
        send_batch(icmp, probes, sent, count);
        sent += count;
        matched += drain(icmp, probes, sent);
    }
    uint64_t took = now_ns(CLOCK_MONOTONIC) - began;
    printf("%llu %llu %llu\n", (unsigned long long)sent, (unsigned long long)matched, (unsigned long long)took);
    return 0;
}
