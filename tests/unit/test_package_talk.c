/* What is made of a package client's talk. */
#include "package_stage.h"

#include "fetch/package_talk.h"

#define NONE "ERROR: Could not find a version that satisfies the requirement x==1.0 " \
             "(from versions: none)\nERROR: No matching distribution found for x==1.0\n"
#define RETRY "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken " \
              "by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection " \
              "object at 0x7f>: Failed to establish a new connection: [Errno -2] Name " \
              "or service not known')': /simple/x/\n"

static void failures_are_told_apart(void **state)
{
    static const struct {
        const char *index, *talk;
        enum vanta_status status;
    } cases[] = {
        {"pypi", NONE, VANTA_ERR_NOT_FOUND},
        {"pypi", RETRY NONE, VANTA_ERR_NETWORK},
        {"pypi",
         RETRY "ERROR: Could not find a version that satisfies the requirement x==1.0 "
               "(from versions: 0.9, 2.0)\nERROR: No matching distribution found for "
               "x==1.0\n",
         VANTA_ERR_NOT_FOUND},
        {"pypi",
         "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If "
         "you have updated ...\n    x==1.0 from http://index.example/x.whl:\n"
         "        Expected sha256 00\n             Got        11\n",
         VANTA_ERR_DIGEST},
        {"pypi",
         "ERROR: Could not install packages due to an OSError: [Errno 28] No space left "
         "on device\n",
         VANTA_ERR_NO_SPACE},
        {"pypi", "ERROR: Could not find an activated virtualenv (required).\n",
         VANTA_ERR_TOOL},
        {"pypi",
         "WARNING: Retrying (Retry(total=0)) after connection broken by 'SSLError("
         "SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate "
         "verify failed: self-signed certificate in certificate chain (_ssl.c:1002)'))': "
         "/simple/x/\n" NONE,
         VANTA_ERR_NETWORK},
        {"pypi",
         "WARNING: Retrying (Retry(total=0)) after connection broken by 'ProxyError("
         "'Cannot connect to proxy.', OSError('Tunnel connection failed: 407 Proxy "
         "Authentication Required'))': /simple/x/\n" NONE,
         VANTA_ERR_NETWORK},
        {"pypi",
         "WARNING: 401 Error, Credentials not correct for http://index.example/x/\n" NONE,
         VANTA_ERR_AUTH},
        {"pypi", "ERROR: HTTP error 403 while getting http://index.example/x.whl\n"
                 "ERROR: 403 Client Error: Forbidden for url: http://index.example/\n",
         VANTA_ERR_AUTH},
        {"pypi",
         "WARNING: Retrying (Retry(total=0)) after connection broken by 'ResponseError("
         "'too many 503 error responses')': /simple/x/\n" NONE,
         VANTA_ERR_SERVER},
        {"pypi",
         "ERROR: Ignored the following versions that require a different python version: "
         "1.0 Requires-Python >=3.13\n" NONE,
         VANTA_ERR_UNSUPPORTED},
        {"pypi", "ERROR: Exception:\nReadTimeoutError: Read timed out.\n",
         VANTA_ERR_NETWORK},
        {"pypi", "Segmentation fault\n", VANTA_ERR_TOOL},
        {"pypi", "", VANTA_ERR_TOOL},
        {"npm", "npm error code E404\nnpm error 404 Not Found - GET http://i.example/x\n",
         VANTA_ERR_NOT_FOUND},
        {"npm",
         "npm ERR! code ETARGET\nnpm ERR! notarget No matching version found for x@1.0\n",
         VANTA_ERR_NOT_FOUND},
        {"npm",
         "npm ERR! code ENOTFOUND\nnpm ERR! network request to http://i.example/x failed, "
         "reason: getaddrinfo ENOTFOUND i.example\n",
         VANTA_ERR_NETWORK},
        {"npm", "npm error code SELF_SIGNED_CERT_IN_CHAIN\n", VANTA_ERR_NETWORK},
        {"npm", "npm error code EINTEGRITY\n", VANTA_ERR_DIGEST},
        {"npm", "npm error code ENOSPC\n", VANTA_ERR_NO_SPACE},
        {"npm", "npm error code E401\n", VANTA_ERR_AUTH},
        {"npm", "npm error code E503\n", VANTA_ERR_SERVER},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vanta_package p = wheel();
        struct vanta_error err = {0};

        p.index = cases[i].index;
        if (vanta_package_explain(&p, 1, cases[i].talk, &err) != cases[i].status)
            fail_msg("case %zu: %d %s", i, (int)err.status, err.message);
        assert_int_equal(err.status, cases[i].status);
        assert_non_null(strstr(err.message, "x 1.0"));
        assert_true(err.hint[0] != '\0');
        assert_null(strstr(err.message, ".example"));
    }
}

static void failures_come_through_a_run(void **state)
{
    struct outcome o;

    (void)state;
    put("talk", RETRY NONE);
    put("behaviour", "/bin/cat \"$FAKE/talk\" >&2\nexit 1\n");
    o = fetch(wheel(), NULL);
    assert_fails(o, VANTA_ERR_NETWORK, "not reached");
    put("talk", NONE);
    o = fetch(wheel(), NULL);
    assert_fails(o, VANTA_ERR_NOT_FOUND, "withdrawn");
}

static void addresses_are_scrubbed(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"Looking in indexes: https://u:secret@index.corp.example:8443/simple, http://b/",
         "Looking in indexes: <address>, <address>"},
        {"HTTPSConnectionPool(host='index.corp.example', port=443): Read",
         "HTTPSConnectionPool(host='<address>', port=443): Read"},
        {"HTTPConnectionPool(host='nexus', port=80)",
         "HTTPConnectionPool(host='<address>', port=80)"},
        {"getaddrinfo ENOTFOUND nexus", "getaddrinfo ENOTFOUND <address>"},
        {"connect ECONNREFUSED 10.1.2.3:4873", "connect ECONNREFUSED <address>"},
        {"via [2001:db8::1]:443 or fe80::1", "via <address> or <address>"},
        {"me:pw@nexus.corp/path", "<address>"},
        {"\"index.example.\" //cdn.example/x nexus:8081", "\"<address>\" <address> "
                                                          "<address>"},
        {"x==1.0 from x-1.0-py3-none-any.whl (3.11.7)",
         "x==1.0 from x-1.0-py3-none-any.whl (3.11.7)"},
        {"ERROR: exit 1: see pip.conf, /etc/pip.conf and @scope/x@1.0.0",
         "ERROR: exit 1: see pip.conf, /etc/pip.conf and @scope/x@1.0.0"},
    };
    char out[256], tiny[8];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vanta_package_scrub(cases[i].in, out, sizeof out);
        assert_string_equal(out, cases[i].out);
    }
    /* What does not fit is left out whole, never cut inside. */
    assert_int_equal(vanta_package_scrub("ab https://x/", tiny, sizeof tiny), 3);
    assert_string_equal(tiny, "ab ");
}

static void garbage_with_addresses_shows_none(void **state)
{
    struct outcome o;

    (void)state;
    put("talk", "\033[31mERROR: odd \001 trouble at "
                "https://user:hunter2@index.corp.example/simple/x/?token=abc\n"
                "ERROR: HTTPSConnectionPool(host='index.corp.example', port=443)\n"
                "\377\376 nothing that is known, from 192.168.7.7\n");
    put("behaviour", "/bin/cat \"$FAKE/talk\"\nprintf '\\000tail'\nexit 3\n");
    o = fetch(wheel(), NULL);
    assert_fails(o, VANTA_ERR_TOOL, "pip ended with 3");
    assert_null(strstr(o.err.message, "corp"));
    assert_null(strstr(o.err.message, "hunter2"));
    assert_null(strstr(o.err.message, "192.168"));
    assert_null(strchr(o.err.message, '\033'));
    assert_non_null(strstr(o.err.message, "<address>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(failures_are_told_apart),
        TEST(failures_come_through_a_run),
        TEST(addresses_are_scrubbed),
        TEST(garbage_with_addresses_shows_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
