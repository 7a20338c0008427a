# What stack.sh, unstack.sh and clean.sh run for glance-ext. Each phase may be
# run again, and does nothing where there is no Glance.

_XTRACE_GLANCE_EXT=$(set +o | grep xtrace)
set +o xtrace

function install_glance_ext {
    setup_develop $GLANCE_EXT_DIR
    if is_service_enabled glance-ext-worker; then
        pip_install redis
        if [[ "$GLANCE_EXT_JOBBOARD_URL" == *//127.0.0.1* ]]; then
            local redis
            redis=$(is_ubuntu && echo redis-server || echo redis)
            install_package $redis
            start_service $redis
        fi
    fi
}

function configure_glance_ext {
    $GLANCE_BIN_DIR/glance-ext-manage enable \
        --paste $GLANCE_API_PASTE_INI --in-place
    iniset $GLANCE_API_CONF glance_ext import_methods \
        $GLANCE_EXT_IMPORT_METHODS
    if is_service_enabled glance-ext-worker; then
        iniset $GLANCE_API_CONF glance_ext executor jobboard
        iniset $GLANCE_API_CONF glance_ext jobboard_url \
            $GLANCE_EXT_JOBBOARD_URL
    fi
    if [[ "$GLANCE_ENABLE_MULTIPLE_STORES" == "True" ]]; then
        iniset $GLANCE_API_CONF DEFAULT enabled_import_methods \
            "[glance-direct,web-download,copy-image]"
        configure_glance_ext_stores
    fi
}

# devstack leaves Glance without file stores where there is Swift.
function needs_glance_ext_backends {
    [[ "$GLANCE_ENABLE_MULTIPLE_STORES" == "True" ]] &&
        is_service_enabled s-proxy &&
        [[ "${USE_CINDER_FOR_GLANCE:-}" != "True" ]] &&
        [[ "${GLANCE_USE_S3:-}" != "True" ]]
}

# Tempest wants the order of the weights to be that of the alphabet.
function configure_glance_ext_stores {
    local store weight=100
    if needs_glance_ext_backends; then
        iniset $GLANCE_API_CONF DEFAULT enabled_backends \
            "${GLANCE_MULTIPLE_FILE_STORES//,/:file,}:file"
        iniset $GLANCE_API_CONF glance_store default_backend \
            $GLANCE_DEFAULT_BACKEND
    fi
    for store in ${GLANCE_MULTIPLE_FILE_STORES//,/ }; do
        iniset $GLANCE_API_CONF $store filesystem_store_datadir \
            $GLANCE_MULTISTORE_FILE_IMAGE_DIR/$store/
        iniset $GLANCE_API_CONF $store weight $weight
        weight=$((weight - 10))
    done
}

function start_glance_ext {
    if is_service_enabled glance-ext-worker; then
        run_process glance-ext-worker "$GLANCE_BIN_DIR/glance-ext-worker \
--config-file $GLANCE_API_CONF --config-file $GLANCE_IMAGE_IMPORT_CONF"
    fi
}

function stop_glance_ext {
    if is_service_enabled glance-ext-worker; then
        stop_process glance-ext-worker
    fi
}

# devstack removes the stores; what is in Glance's files is for us to remove.
function cleanup_glance_ext {
    local option store
    if [[ -f $GLANCE_API_PASTE_INI ]]; then
        $GLANCE_BIN_DIR/glance-ext-manage disable \
            --paste $GLANCE_API_PASTE_INI --in-place
    fi
    if [[ -f $GLANCE_API_CONF ]]; then
        for option in import_methods executor jobboard_url; do
            inidelete $GLANCE_API_CONF glance_ext $option
        done
        for store in ${GLANCE_MULTIPLE_FILE_STORES//,/ }; do
            inidelete $GLANCE_API_CONF $store weight
        done
        if needs_glance_ext_backends; then
            inidelete $GLANCE_API_CONF DEFAULT enabled_backends
            inidelete $GLANCE_API_CONF glance_store default_backend
        fi
    fi
}

function configure_tempest_glance_ext {
    iniset $TEMPEST_CONFIG service_available glance_ext True
    iniset $TEMPEST_CONFIG image-feature-enabled import_image True
    if [[ "$GLANCE_ENABLE_MULTIPLE_STORES" == "True" ]]; then
        iniset $TEMPEST_CONFIG image-feature-enabled store_weight_enabled True
    fi
}

if is_service_enabled g-api; then
    case "$1/$2" in
        stack/install)
            echo_summary "Installing glance-ext"
            install_glance_ext
            ;;
        stack/post-config)
            echo_summary "Configuring glance-ext"
            configure_glance_ext
            ;;
        stack/extra)
            echo_summary "Starting glance-ext"
            start_glance_ext
            ;;
        stack/test-config)
            if is_service_enabled tempest; then
                configure_tempest_glance_ext
            fi
            ;;
        unstack/)
            stop_glance_ext
            ;;
        clean/)
            cleanup_glance_ext
            ;;
    esac
fi

$_XTRACE_GLANCE_EXT
