# The functions of devstack that the plugin calls, as far as it needs them.
# What would install, start or stop something only says so in $CALLS.

function say { echo "$*" >>"$CALLS"; }
function setup_develop { say setup_develop "$@"; }
function pip_install { say pip_install "$@"; }
function install_package { say install_package "$@"; }
function start_service { say start_service "$@"; }
function run_process { say run_process "$@"; }
function stop_process { say stop_process "$@"; }
function define_plugin { say define_plugin "$@"; }
function echo_summary { :; }
function is_ubuntu { true; }

function is_service_enabled {
    local service
    for service in "$@"; do
        [[ ",$ENABLED_SERVICES," == *",$service,"* ]] && return 0
    done
    return 1
}

function iniset { "$PYTHON" -IS "$HERE/ini.py" set "$@"; }
function inidelete { "$PYTHON" -IS "$HERE/ini.py" delete "$@"; }
