# SPDX-License-Identifier: Apache-2.0
# The functions that the linker takes from the product and gives to nature.cc and remembered.cc, by their names in
# the objects.
function(world_seam target)
  foreach(name
      _ZN3rtt2os3nowEv
      _ZN3rtt2os10now_coarseEv
      _ZN3rtt2os8wall_nowEv
      _ZN3rtt2os11fill_randomESt4spanISt4byteLm18446744073709551615EE
      _ZN3rtt2os7own_pidEv
      _ZN3rtt2os13peer_identityEi
      _ZN3rtt2os18process_start_timeEi
      _ZN3rtt2os13watch_processEim
      _ZN3rtt2os5spawnERKNS0_12SpawnOptionsE
      _ZN3rtt2os5Child4pollEv
      _ZN3rtt2os4Loop9on_signalEiSt8functionIFvvEE
      _ZN3rtt2os12write_atomicERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESt17basic_string_viewIcS4_ENS0_12WriteOptionsE
      _ZN3rtt2os10write_onceERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESt17basic_string_viewIcS4_ENS0_12WriteOptionsE
      _ZN3rtt6crypto13is_public_keyERKNS0_9PublicKeyE
      _ZN3rtt6crypto6verifyERKNS0_9PublicKeyESt4spanIKSt4byteLm18446744073709551615EERKNS0_9SignatureE
      _ZN3rtt8registry12load_keyringERKNS0_9WorkspaceERKSt6vectorINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESaISA_EE
      _ZN3rtt8registry13load_snapshotERKNS0_9WorkspaceERKNS0_11LoadOptionsE
      _ZN3rtt8registry16add_source_stateERKNS0_9WorkspaceERKNS0_10ScanPlacesERNS0_9StateHashE
      _ZN3rtt8registry15clock_offset_nsERKNS0_9WorkspaceE
      _ZN3rtt6fabric3shm9ring_sizeERKNS_5model3QosEm
      _ZN3rtt7journal11disk_layoutEv
      _ZN3rtt7journal12disk_storageERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE)
    target_link_options(${target} PRIVATE -Wl,--wrap=${name})
  endforeach()
endfunction()
