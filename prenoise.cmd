@echo off
rem Runs Prenoise's command line on Windows: finds a JDK, builds when there is no build yet, sets the JVM's and OpenMP's options.
rem After an update, delete server\target\prenoise.jar to build anew. Written beside ./prenoise, which is the one that is tested.
setlocal
set "HOME_DIR=%~dp0"
set "JAR=%HOME_DIR%server\target\prenoise.jar"

set "JAVA=java"
if defined JAVA_HOME if exist "%JAVA_HOME%\bin\java.exe" set "JAVA=%JAVA_HOME%\bin\java.exe"

set "RELEASE="
for /f "tokens=3" %%v in ('""%JAVA%" -version 2^>^&1" ^| findstr /c:" version "') do if not defined RELEASE set "RELEASE=%%~v"
for /f "tokens=1 delims=.-" %%m in ("%RELEASE%") do set "RELEASE=%%m"
if not defined RELEASE goto nojava
if %RELEASE% LSS 17 goto nojava

if exist "%JAR%" goto run
where mvn >nul 2>nul || goto nomaven
echo prenoise: building (some minutes the first time, while Maven fetches the libraries) 1>&2
pushd "%HOME_DIR%"
call mvn -B -q -Dmaven.test.skip=true package > "%TEMP%\prenoise-build.log" 2>&1 < nul
if errorlevel 1 (
    popd
    echo prenoise: the build failed; see %TEMP%\prenoise-build.log 1>&2
    exit /b 2
)
popd

:run
if not defined OMP_WAIT_POLICY set "OMP_WAIT_POLICY=PASSIVE"
if not defined OPT_OUT_TRACKING set "OPT_OUT_TRACKING=true"
if not defined DJL_OFFLINE set "DJL_OFFLINE=true"
set "NEWER="
if %RELEASE% GEQ 22 set "NEWER=--enable-native-access=ALL-UNNAMED"
if %RELEASE% GEQ 23 set "NEWER=%NEWER% --sun-misc-unsafe-memory-access=allow"
"%JAVA%" -Xmx2g -XX:MaxDirectMemorySize=32g -XX:+UseSerialGC -Dai.djl.offline=%DJL_OFFLINE% -Djava.awt.headless=true %NEWER% %PRENOISE_JAVA_OPTS% -jar "%JAR%" %*
exit /b %ERRORLEVEL%

:nojava
echo prenoise: no Java 17 or newer found (looked at JAVA_HOME, then PATH). Install one: winget install EclipseAdoptium.Temurin.17.JDK 1>&2
exit /b 2

:nomaven
echo prenoise: building needs Maven 3.8.7 or newer, but there is no mvn on PATH. See https://maven.apache.org/install.html 1>&2
exit /b 2
