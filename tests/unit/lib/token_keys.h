/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Keys that were made for the tests of tokens and are used nowhere else. */
#ifndef CRIER_TESTS_TOKEN_KEYS_H
#define CRIER_TESTS_TOKEN_KEYS_H

static const char key_rsa_private[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQCyxRVi8euQGeAY\n"
    "BKvgTbIoUv9v20YcPicWq0E8mOFZ1lX+u3LzNV+h8ud2u+FHbIFq3ntmhe0Qt7ro\n"
    "J64oicvgS5G1yoP5PJQ//4tgXv/KHzTQKJplzo+pKfuNTIdo8jllxFYA3dg9v5t7\n"
    "Rp0etXlvf4Kqu1hja8U/27/O712cwvz/6ZkpJwzaLykVas7qf+vVQtvKBr0YEHty\n"
    "Qj7l75j70P9Wa34UBZTgLy+1hLPxu8VmHUvh5oFN0XnhfaNSO9kMUravs3DbFS1V\n"
    "dl/LAbLNo7gGUEqBJXFJsr+rvO7INvE4DFkQNtSfr9omklpokCZZZsPZ39aYS/bC\n"
    "hRjZzW9pAgMBAAECggEABMeB411nxVH6LKcChO9YbUooW+OAwKRYVvuCgnq52s60\n"
    "PNuveCYVcooNoYSAKNcs4vnXH1R14PKjuhPGTOO/zuhmTFxnyKPtRYRXXXiDHfKI\n"
    "ogbVd3xQWR7vHTkOQIJQgewZh1HNaq7MZ6OcwFa5f0wcgH3PhqG5qi19t5J5rh7f\n"
    "vwEVrUBmOHX9Zkulc63LrDOKR6z95BPjva+40mVvqi9r9V8aOEVSfCt3JG/AJYb6\n"
    "guVR71QEiXijaqiO/O78SM2nHWWyRCPK2UCR6PX8KGt734EHOuBKZgcjbhxqeuOi\n"
    "zoxlNqxKjaNEkWVZfVKfjBVljJlz0xEFYVRBkWmHiQKBgQDjjZGjh3q2Ydwqi27c\n"
    "sZkAtBSyaVWRpean3+YUxqtEwUdfd+f7XS1l3sf97WnmGdstDbhJmdI/VOQopbfw\n"
    "Z//+Vka0VyNfLS5iUTdMW+fXGI2gpTXNLEW0miBznS2KJ1e8tX9kt83bYWLdpOco\n"
    "ASwlPzmJ2Tvm27QADWmJZhl1VQKBgQDJHkvhApO8ot65tWMI5RnNGrhp/EKKMDoD\n"
    "RAGl3/4dM0rg2HD0suhwAttZtp3HpsQVVPTV4txcZ8UcCQCly6CnPPH4OlD4JgZi\n"
    "P7mnR1DdtVfbTOzpq/ek+CsXQo3YeoP9LiRuwuFG7Q9t4P0US2icdd5/XJZfuj/L\n"
    "O3coSb2RxQKBgQDdgSpa5/9w2BPMKkxxckPA5osbHOQZ0keT9KRwZu/DDu3eJcdg\n"
    "7VPKzTEaomeqgFLVKXzR0HVUBtvOIXrK/0G3H97Vn9kjxcRYGjzdDL3CqPj8frW/\n"
    "kjAMXNfoEwGIcUG7xWVL8ovl2Ie3v9TwISwK2d+1qwvfbtBqGKQ6BnQTvQKBgDe7\n"
    "ZomO/kOq2o+Z3TzMx+6Xdf0gw4upu5nGEbLWtIOBAEH4mKymm1TW5dQhj+2QoAvN\n"
    "RB+1Qx10QCH5uK05FWbis6b2+hMZ7nDxedAKKjWWGCeUVJ6YYgLcJozGi6ouoT7a\n"
    "t4veAzF1Ze4sB9XE49Nfsm2WybDzWtRFwUpvzNGFAoGBAJXldYSntC++oXSa68G9\n"
    "FNeqff1/17Bf9GirByCq0rDbVV0s1rNPNiPcHLDwVLAuP7l7znHMTCP2eSRQ6coa\n"
    "CE8YSnADbYEoYxixSKGwrm6yCPvPmTMITC8bghxLnnobinAUZg3SowN117E+rT5c\n"
    "Ih2wYnjsK9TEZFLd4OE6cgZo\n"
    "-----END PRIVATE KEY-----\n";

static const char key_rsa_public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAssUVYvHrkBngGASr4E2y\n"
    "KFL/b9tGHD4nFqtBPJjhWdZV/rty8zVfofLndrvhR2yBat57ZoXtELe66CeuKInL\n"
    "4EuRtcqD+TyUP/+LYF7/yh800CiaZc6PqSn7jUyHaPI5ZcRWAN3YPb+be0adHrV5\n"
    "b3+CqrtYY2vFP9u/zu9dnML8/+mZKScM2i8pFWrO6n/r1ULbyga9GBB7ckI+5e+Y\n"
    "+9D/Vmt+FAWU4C8vtYSz8bvFZh1L4eaBTdF54X2jUjvZDFK2r7Nw2xUtVXZfywGy\n"
    "zaO4BlBKgSVxSbK/q7zuyDbxOAxZEDbUn6/aJpJaaJAmWWbD2d/WmEv2woUY2c1v\n"
    "aQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";

static const char key_ec_private[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIJVhj4PXCbYGiz3vWFrsXvJRh/e8hiR1MQKwN9BKztRUoAoGCCqGSM49\n"
    "AwEHoUQDQgAEOp1S+OihXn3htsN6X4gLi7AUJN5jJQicIjLS1hBVRGGqPenyxv4T\n"
    "5hQwq2M+JrQjbwORgEBv9wMmh3fPL2GL4A==\n"
    "-----END EC PRIVATE KEY-----\n";

static const char key_ec_public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOp1S+OihXn3htsN6X4gLi7AUJN5j\n"
    "JQicIjLS1hBVRGGqPenyxv4T5hQwq2M+JrQjbwORgEBv9wMmh3fPL2GL4A==\n"
    "-----END PUBLIC KEY-----\n";

#endif
