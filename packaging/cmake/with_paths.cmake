# with_paths(OUT FILE): OUT becomes the path of a copy of FILE, in the build directory, that names our programs, plugins, pages, alerts, examples
# and headers where they are once they are installed. In the source these are where Debian's packages have them (/usr/sbin/…, /usr/bin/intune-…,
# /usr/lib/x86_64-linux-gnu/scep-plugins, /usr/share/…), or docs/X.md, ../plugin/examples/… and ../include/….
include(GNUInstallDirs)

function(with_paths out file)
    file(READ ${file} text)
    file(RELATIVE_PATH to_headers ${CMAKE_INSTALL_FULL_DOCDIR} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
    string(REPLACE /usr/sbin/ ${CMAKE_INSTALL_FULL_SBINDIR}/ text "${text}")
    string(REPLACE /usr/bin/intune- ${CMAKE_INSTALL_FULL_BINDIR}/intune- text "${text}")
    string(REPLACE /usr/lib/x86_64-linux-gnu/scep-plugins ${CMAKE_INSTALL_FULL_LIBDIR}/scep-plugins text "${text}")
    string(REPLACE /usr/share/intune-scep ${CMAKE_INSTALL_FULL_DATADIR}/intune-scep text "${text}")
    string(REPLACE /usr/share/doc/intune-scep-connector ${CMAKE_INSTALL_FULL_DOCDIR} text "${text}")
    string(REGEX REPLACE "([^/A-Za-z])docs/([A-Za-z-]+[.]md)" "\\1${CMAKE_INSTALL_FULL_DOCDIR}/\\2" text "${text}")
    string(REPLACE "](../plugin/examples/" "](examples/plugin/" text "${text}")
    string(REPLACE "](../include/" "](${to_headers}/" text "${text}")
    get_filename_component(name ${file} NAME)
    file(CONFIGURE OUTPUT ${name} CONTENT "${text}" @ONLY)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    set(${out} ${CMAKE_CURRENT_BINARY_DIR}/${name} PARENT_SCOPE)
endfunction()
