"""Run by the host before it starts. grpcio is all that is needed; any version from 1.48 on will do, so an installed one is left alone."""

import launch

if not launch.is_installed("grpc"):
    # The host hands this to a shell, to which an unquoted > is a redirection.
    launch.run_pip('install "grpcio>=1.48"', "grpcio, for the extension Prenoise")
