"""The structures and the prototypes of <netdb.h>, declared once: cffi takes no struct twice."""

from sockutils.libc import ffi

HOSTENT = """\
struct hostent {
    char *h_name;
    char **h_aliases;    /* other names; NULL ends the list */
    int h_addrtype;      /* AF_INET or AF_INET6 */
    int h_length;        /* bytes of one address */
    char **h_addr_list;  /* addresses; NULL ends the list */
};
struct hostent *gethostbyname(const char *name);
struct hostent *gethostbyaddr(const void *addr, socklen_t len, int type);"""

ADDRINFO = """\
struct addrinfo {
    int ai_flags, ai_family, ai_socktype, ai_protocol;
    socklen_t ai_addrlen;
    struct sockaddr *ai_addr;
    char *ai_canonname;
    struct addrinfo *ai_next;
};
int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **res);
void freeaddrinfo(struct addrinfo *res);
int getnameinfo(const struct sockaddr *addr, socklen_t addrlen, char *host,
                socklen_t hostlen, char *serv, socklen_t servlen, int flags);"""

ffi.cdef(f"typedef unsigned int socklen_t; struct sockaddr;\n{HOSTENT}\n{ADDRINFO}", override=True)
