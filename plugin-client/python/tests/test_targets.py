"""Which addresses may be called."""

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from prenoise import Sidecar, TargetNotAllowed, targets


class ParseTest(unittest.TestCase):
    def test_hosts_and_ports(self):
        for text, host, port, shown in (
            ("127.0.0.1:50551", "127.0.0.1", 50551, "127.0.0.1:50551"),
            ("localhost", "localhost", 50551, "localhost:50551"),
            ("GPU-Box.lan:7", "gpu-box.lan", 7, "gpu-box.lan:7"),
            ("[::1]:9", "::1", 9, "[::1]:9"),
            ("[0:0:0:0:0:0:0:1]", "::1", 50551, "[::1]:50551"),
        ):
            with self.subTest(text):
                target = targets.parse(text)
                self.assertEqual((target.host, target.port, str(target)), (host, port, shown))

    def test_what_is_no_host_and_port_is_refused(self):
        for text in (
            "", ":50551", "localhost:", "localhost:0", "localhost:65536", "localhost:x", "localhost:+1", "::1", "[::1", "[zz]:1", "[127.0.0.1]:1",
            "unix:/tmp/socket", "unix:///tmp/socket", "unix-abstract:x", "dns:///evil:1", "dns://8.8.8.8/evil", "ipv4:10.0.0.1:1", "ipv4:10.0.0.1:1,127.0.0.1:1",
            "http://localhost:1", "localhost:1/x", "user@localhost:1", "a b:1", "a\n:1", "localhost:1\n", "xds:///a", "localhost:\u0661",
        ):  # fmt: skip
            with self.subTest(text), self.assertRaisesRegex(ValueError, "target: "):
                targets.check(text)


class LoopbackTest(unittest.TestCase):
    def test_loopback_is_told_by_name_alone(self):
        for text in ("localhost", "LOCALHOST:1", "127.0.0.1", "127.9.8.7:1", "[::1]"):
            with self.subTest(text):
                self.assertTrue(targets.parse(text).is_loopback)
        for text in (
            "localhost.evil.com",
            "127.0.0.1.evil.com",
            "128.0.0.1",
            "0.0.0.0",
            "10.0.0.1",
            "[::]",
            "[::2]",
            "127.1",
            "2130706433",
            "0x7f.1",
        ):
            with self.subTest(text):
                self.assertFalse(targets.parse(text).is_loopback)


class AllowTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "allowed"
        patch = mock.patch.dict(os.environ, {"PRENOISE_ALLOWED_HOSTS": str(self.file)})
        patch.start()
        self.addCleanup(patch.stop)

    def test_without_a_list_only_loopback_is_called_and_the_message_says_where_the_list_is(self):
        self.assertEqual(Sidecar("127.0.0.1").target.port, 50551)
        with self.assertRaisesRegex(
            TargetNotAllowed, "target: gpu:50551 .expected: loopback, or a host listed in .*allowed, one host or host:port a line"
        ):
            Sidecar("gpu")

    def test_a_line_allows_a_host_or_one_of_its_ports(self):
        self.file.write_text("# mine\n\nGPU  # the big one\nother:7\n[fd00::1]:8\nnot a host\nunix:/tmp/x\n")
        for text in ("gpu", "gpu:1", "other:7", "[fd00:0::1]:8"):
            with self.subTest(text):
                targets.check(text)
        for text in ("gpu.evil.com", "agpu", "other", "other:8", "[fd00::1]", "[fd00::2]:8", "not", "mine"):
            with self.subTest(text), self.assertRaises(TargetNotAllowed):
                targets.check(text)

    def test_a_list_that_cannot_be_read_allows_nothing(self):
        self.file.mkdir()
        with self.assertRaisesRegex(TargetNotAllowed, "cannot be read"):
            targets.check("gpu")
        targets.check("localhost")

    def test_a_programs_own_list_stands_in_for_the_file(self):
        self.file.write_text("gpu\n")
        targets.check("other", allow=["other"])
        with self.assertRaises(TargetNotAllowed):
            targets.check("gpu", allow=[])

    def test_the_list_is_in_the_users_settings_where_the_environment_names_none(self):
        with mock.patch.dict(os.environ, {"PRENOISE_ALLOWED_HOSTS": "", "XDG_CONFIG_HOME": "/c", "APPDATA": "/c"}):
            self.assertEqual(targets.allow_file(), Path("/c/prenoise/allowed_hosts"))

    def test_an_allowed_host_is_called_over_tls(self):
        sidecar = Sidecar("gpu", token="secret", allow=["gpu"])
        self.assertTrue(sidecar._tls)
        self.assertFalse(Sidecar("localhost", token="secret")._tls)

    def test_a_certificate_that_is_not_there_is_named(self):
        with self.assertRaisesRegex(ValueError, r"ca: /nowhere/ca.pem \(expected: a readable file\)"):
            Sidecar("localhost", ca="/nowhere/ca.pem")

    def test_the_token_is_taken_from_the_environment_or_its_file(self):
        secret = self.folder / "token"
        secret.write_text("from-file\n")
        with mock.patch.dict(os.environ, {"PRENOISE_TOKEN_FILE": str(secret), "PRENOISE_TOKEN": ""}):
            self.assertEqual(Sidecar()._metadata(), (("authorization", "Bearer from-file"),))
            self.assertEqual(Sidecar(token="")._metadata(), ())
            with mock.patch.dict(os.environ, {"PRENOISE_TOKEN": "direct"}):
                self.assertEqual(Sidecar()._metadata(), (("authorization", "Bearer direct"),))

    def test_a_token_of_the_environment_goes_to_no_port_that_only_a_workflow_named(self):
        def sent(target, **given):
            return Sidecar(target, **given)._metadata() != ()

        with mock.patch.dict(os.environ, {"PRENOISE_TOKEN": "secret", "PRENOISE_TARGET": ""}):
            self.assertTrue(all(map(sent, ("127.0.0.1:50551", "localhost", "[::1]"))))
            self.assertFalse(any(map(sent, ("127.0.0.1:6000", "localhost:6000", "[::1]:6000"))))
            self.assertTrue(sent("127.0.0.1:6000", token="secret"))
            self.assertTrue(sent("127.0.0.1:6000", allow=["127.0.0.1:6000"]))
            self.assertTrue(sent("localhost:6000", configured="127.0.0.1:6000"))
            self.assertFalse(sent("127.0.0.1:6001", configured="127.0.0.1:6000"))
            self.file.write_text("gpu\n127.0.0.1:6000  # mine\n")
            self.assertTrue(sent("127.0.0.1:6000"))
            self.assertFalse(sent("127.0.0.1:6001"))
            self.assertTrue(sent("gpu:6001"))  # listed, and over TLS
            with mock.patch.dict(os.environ, {"PRENOISE_TARGET": "localhost:6001"}):
                self.assertTrue(sent("127.0.0.1:6001"))
                self.assertFalse(sent("127.0.0.1:6002"))


if __name__ == "__main__":
    unittest.main()
